"""Every key the Docker plugin knew (docker-plugin.md 1.2 and 1.3), and what becomes of it here."""

_NO_SSH = "the driver never uses SSH"
_NO_PLUGIN_ETCD = "the plugin's etcd is not needed; --journal says where the driver keeps its own"
_FILE_PERSONA = "File Persona shares are not supported"
_NEVER_USED = "the plugin never used it either"
_FORCED = "volumes are always reached by multipath"

#: Keys without a meaning here, each with the reason.
IGNORED = {
    "san_ip": _NO_SSH,
    "san_login": _NO_SSH,
    "san_password": _NO_SSH,
    "san_ssh_port": _NO_SSH,
    "san_private_key": _NO_SSH,
    "ssh_conn_timeout": _NO_SSH,
    "strict_ssh_host_key_policy": _NO_SSH,
    "ssh_hosts_key_file": _NO_SSH,
    "host_etcd_ip_address": _NO_PLUGIN_ETCD,
    "host_etcd_port_number": _NO_PLUGIN_ETCD,
    "host_etcd_client_cert": _NO_PLUGIN_ETCD,
    "host_etcd_client_key": _NO_PLUGIN_ETCD,
    "host_etcd_ca_cert": _NO_PLUGIN_ETCD,
    "hpe3par_default_fpg_size": _FILE_PERSONA,
    "hpe3par_server_ip_pool": _FILE_PERSONA,
    "timeout": _NEVER_USED,
    "use_chap_auth": _NEVER_USED,
    "chap_username": _NEVER_USED,
    "chap_password": _NEVER_USED,
    "use_multipath": _FORCED,
    "enforce_multipath": _FORCED,
    "hpe3par_debug": "it logged credentials",
    "suppress_requests_ssl_warnings": "certificates are verified, there is nothing to suppress",
    "logging": "--log-level says how much is logged",
    "mount_prefix": "kubelet chooses where volumes are mounted",
    "mount_conflict_delay": "the StorageClass parameter mountConflictDelay takes its place",
}

#: Keys of our own: hpe.conf has none for TLS.
TLS = ("csi_ca_bundle", "csi_certificate_pin", "csi_insecure_skip_verify")

#: Keys of a section that are read.
SECTION = (
    "hpedockerplugin_driver",
    "hpe3par_api_url",
    "hpe3par_username",
    "hpe3par_password",
    "hpe3par_cpg",
    "hpe3par_snapcpg",
    "hpe3par_iscsi_ips",
    "hpe3par_iscsi_chap_enabled",
    "iscsi_ip_address",
    "iscsi_port",
    "replication_device",
    *TLS,
)

#: Keys of replication_device that are read; `csi_source_backend_id` is ours: the target array's name for the source.
DEVICE = (
    "backend_id",
    "csi_source_backend_id",
    "replication_mode",
    "quorum_witness_ip",
    "cpg_map",
    "snap_cpg_map",
    "sync_period",
    "hpe3par_api_url",
    "hpe3par_username",
    "hpe3par_password",
    "hpe3par_iscsi_ips",
    "hpe3par_iscsi_chap_enabled",
    *TLS,
)

#: Keys whose value no message shows.
SECRET = ("hpe3par_password", "san_password", "chap_password")

FILE_DRIVER = "HPE3PARFileDriver"
FILE_SECTION = "DEFAULT_FILE"
