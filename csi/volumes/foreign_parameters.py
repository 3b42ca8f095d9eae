"""Parameters that other drivers know and this one does not, each with what to do instead (peers.md 2.1)."""

_CLAIM_SOURCE = "volumes from snapshots or other volumes are not made"
_IMPORT = "create a PersistentVolume by hand for a volume that exists"
_QOS = "put the volume into a QoS rule on the array"
_PORTS = "list the ports by array in the backend's settings (portals, fcPorts)"
_PAIR = "the second array is part of the backend's settings"
_CREDENTIALS = "the driver takes credentials from its settings"
_CHAP = "iSCSI logins are without CHAP"
_CHANGES = "what a StorageClass says holds for the volume's life"
_NFS = "a volume is a block device; share it by an NFS server of your own"
_SCHEDULE = "snapshots are not made"

#: Key -> advice, "" where there is none.
NOT_YET = {
    "importVolumeName": _IMPORT,
    "importVol": _IMPORT,
    "importRename": _IMPORT,
    "importVolAsClone": _CLAIM_SOURCE,
    "cloneOf": _CLAIM_SOURCE,
    "virtualCopyOf": _CLAIM_SOURCE,
    "qosName": _QOS,
    "qos-name": _QOS,
    "flash-cache": "set the flash cache policy on a volume set of the array",
    "iscsiPortalIps": _PORTS,
    "targetIscsiPortalIps": _PORTS,
    "fcPortsList": _PORTS,
    "replicationDevices": f"{_PAIR}; give replicationGroup only",
    "primarySecret": _PAIR,
    "primarySecretNamespace": _PAIR,
    "allowBatchReplicatedVolumeCreation": "remove it",
    "periodicReplicationInterval": "replication is synchronous",
    "virtualDomain": "a volume lies in its CPG's domain",
    "description": "the comment on the array is the driver's",
    "fsCreateOptions": "",
    "fsRepair": "a file system is checked after a forced move",
    "chapSecretName": _CHAP,
    "chapSecretNamespace": _CHAP,
    "hostEncryption": "",
    "hostEncryptionSecretName": "",
    "hostEncryptionSecretNamespace": "",
    "allowOverrides": _CHANGES,
    "allowMutations": _CHANGES,
    "nfsResources": _NFS,
    "nfsForeignStorageClass": _NFS,
    "nfsNamespace": _NFS,
    "nfsProvisionerImage": _NFS,
    "expirationHours": _SCHEDULE,
    "retentionHours": _SCHEDULE,
    "scheduleName": _SCHEDULE,
    "scheduleFrequency": _SCHEDULE,
    "snapshotPrefix": _SCHEDULE,
    "size": "the claim's storage request is the size",
    "manager": "remove it",
    "help": "remove it",
    **{
        f"csi.storage.k8s.io/{role}-secret-{part}": _CREDENTIALS
        for role in (
            "provisioner",
            "controller-publish",
            "controller-expand",
            "node-stage",
            "node-publish",
            "node-expand",
        )
        for part in ("name", "namespace")
    },
}
