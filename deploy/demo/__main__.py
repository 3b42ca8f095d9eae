"""`make demo`: the driver's main job on a simulated pair of arrays, told in steps with their proofs."""

import argparse
import os
import sys

import grpc

from arraysim.control.client import ConditionUnmet, ControlError
from deploy.demo.scene import NotStarted, Scene
from deploy.demo.screen import ProofFailed, Screen
from deploy.demo.story import Story

_LOOK_AROUND = """\
Everything is still running. Look around:
  curl -s {control}/state
  KEY=$(curl -s --cacert {ca} {url}/credentials \\
        -d '{{"user":"{user}","password":"'$(cat {password})'"}}' | cut -d'"' -f4)
  curl -s --cacert {ca} -H "X-HP3PAR-WSAPI-SessionKey: $KEY" {url}/remotecopygroups
  ls {folder}      (logs, sockets, the simulated host's root)
End it with: kill {pids} && rm -r {folder}"""


def main() -> int:
    """Tell the story; 0 if every proof held."""
    parser = argparse.ArgumentParser(prog="python -m deploy.demo", description=__doc__)
    parser.add_argument(
        "--keep",
        action="store_true",
        default=os.environ.get("KEEP", "") not in ("", "0"),
        help="leave arrays and driver running and print how to look around [KEEP=1]",
    )
    keep = parser.parse_args().keep
    screen, scene = Screen(), Scene()
    good = False
    try:
        good = tell(screen, scene)
        screen.end("All proofs hold." if good else "The demo failed.", good=good)
    finally:
        if keep and good:
            screen.say(_look_around(scene))
        else:
            scene.stop()
    return 0 if good else 1


def tell(screen: Screen, scene: Scene) -> bool:
    """The story up to its end or its first failure, which is printed with the ends of the logs."""
    try:
        Story(screen, scene).tell()
    except ProofFailed as failed:
        screen.say(f"This does not hold: {failed}")
    except NotStarted as failed:
        screen.say(str(failed))
    except (ControlError, ConditionUnmet) as failed:
        screen.say(f"The lab: {failed}")
    except grpc.RpcError as failed:
        screen.say(f"The driver answered {failed.code().name}: {failed.details()}")
    else:
        return True
    for name in ("controller", "node", "arraysim"):
        if scene.log_end(name):
            screen.say(f"--- the end of {name}'s log ---\n{scene.log_end(name)}")
    return False


def _look_around(scene: Scene) -> str:
    return _LOOK_AROUND.format(
        control=scene.lab["control_url"],
        ca=scene.lab["ca_file"],
        user=scene.lab["user"],
        password=scene.lab["password_file"],
        url=next(iter(scene.lab["arrays"].values()))["url"],
        folder=scene.folder,
        pids=" ".join(map(str, scene.pids)),
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)  # everything was stopped on the way here
