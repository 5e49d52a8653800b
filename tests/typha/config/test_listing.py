"""The settings as `typha config` and the log of a start show them."""

from typha.config import listing, loading, parameters


def test_each_setting_is_listed_with_its_value_and_its_source(tmp_path):
    """Those of the table first, then Calico's variables that are set."""
    file = tmp_path / "typha.cfg"
    file.write_text("HealthPort = 1\n")
    environ = {
        "TYPHA_SERVERPORT": "0x10",
        "TYPHA_DATASTORETYPE": "kubernetes",
        "CALICO_ETCD_PASSWORD": "hunter2",
        "KUBECONFIG": "/home/u/.kube/config",
        "TLS_MIN_VERSION": "1.3",
        "HOME": "/home/u",
    }
    loaded = loading.load(environ, str(file))
    rows = {row.name: row for row in listing.rows(loaded, environ, str(file))}
    assert [*rows][: len(parameters.PARAMETERS)] == [each.name for each in parameters.PARAMETERS]
    port = rows["ServerPort"]
    assert (port.value, port.source, port.written) == (16, "environment TYPHA_SERVERPORT", "0x10")
    assert (rows["HealthPort"].value, rows["HealthPort"].source) == (1, str(file))
    assert rows["DebugPort"].source == "default"
    assert rows["TLS_MIN_VERSION"].value == "1.3"
    assert "HOME" not in rows
    assert "hunter2" not in str(rows)
    assert rows["CALICO_ETCD_PASSWORD"].value == "<redacted>"
