"""docs/configuration.md, made from the tables that the settings are read with.

Run as a module, it prints the page; a test compares it with the committed one.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from typha.config import parameters, parsing, redaction, variables
from typha.config.parameters import Parameter

_INTRODUCTION: Final = """\
# Configuration

<!-- Made by `python -m typha.config.documentation`; change the tables it is made from. -->

Every setting can stand in the environment, as `TYPHA_` and its name in capitals
(`TYPHA_SERVERPORT`), or in a file, as its name (`ServerPort = 5473`); case matters in neither. The
environment wins over the file, the file over the default. The file is `/etc/calico/typha.cfg`
unless `--config-file` says otherwise, and need not exist.

`typha config` prints the values that act and where each comes from; `typha check` says what would
go wrong with them.

## Rules for every value

| a value that is | means |
|---|---|
| empty | not set: the file's value or the default acts |
| `none`, in any case | the zero of its type: nothing, 0, no |
| invalid | as the column "invalid" says: a warning and the default, or no start at all |
| for an unknown setting | ignored, with a line in the log at INFO |

A server that refuses to start names the setting, its value and what is accepted. What acts in
place of a zero that makes no sense stands in the column "zero"; for a time, also in place of
anything negative. All times are in seconds and may have a fraction: `0.5`, `1e3`. Yes is `true`,
`1`, `yes`, `y` or `t`, no is `false`, `0`, `no`, `n` or `f`. Integers are as in Go: `5473`,
`0x1561`, `5_473`; a leading `0` means octal.

Some rules join several settings:

- TLS with clients is all or nothing: key, certificate, authorities, and `ClientCN` or
  `ClientURISAN`. Without any of them, clients are served in plaintext, with a warning.
- `ServerPongTimeoutSecs` of up to two ping intervals means six of them.
- A batch holds up to 1000 updates unless `SnapshotCacheMaxBatchSize` or `ServerMaxMessageSize` is
  set: then as many as the smaller of them says.
- With rebalancing, `K8sServicePollIntervalSecs` has to be above zero.
- `PeerCertFile` and `PeerKeyFile` go together, and act only with rebalancing: it knows the peers.
- etcd's files have to exist only where etcd is used, and key and certificate go together.
- `WarmStart` needs `CheckpointDir`, and `DatastoreType=file` needs `ManifestDir`.
- A log file that is set has to be writable; without the default one, the server goes on.

## The file

An INI file. Section headers are allowed and mean nothing; if a name stands in several sections,
the last section wins, with a warning. A line is `Name = value` or `Name : value`; everything from
the first `#` or `;` on is a comment, inside quotes as well, but for values in backticks or in
triple quotes, which may also go over several lines. Quotes around a value are removed, and a
backslash at the end of a line joins it with the next.

    [global]
    LogFilePath = none
    ServerPort = 5473
"""

_OURS: Final = """\
## Settings that the original does not have
"""

_CALICO: Final = """\
## Calico's own variables

Read from the environment only, first with the prefix `CALICO_`, then without. Except for
`DATASTORE_TYPE`, `ETCD_ENDPOINTS` and `USE_POD_CIDR` they are read only where their datastore is
used, and none of them where `DatastoreType` is `etcdv3`, which has settings of its own. One that
is set but empty counts as set; a truth value or a number that cannot be read forbids to start.

With `DatastoreType=kubernetes` and no `DATASTORE_TYPE`, setting `ETCD_ENDPOINTS` means etcd.
"""

_EXACT: Final = """\
These have one spelling only:
"""

_KUBERNETES: Final = """\
The API server is found by the first of: `KUBECONFIG`; `K8S_API_ENDPOINT`; `$HOME/.kube/config` if
it exists; the service account of the pod. The other `K8S_` variables override what is found.

A kubeconfig is read as kubectl reads it. Of several files the first that names something counts,
for each context, cluster and user by itself and for the current context; relative paths begin
where their file is. `tokenFile`, `exec`, `proxy-url` (HTTP), `tls-server-name`, `as` and its
relatives, and what ends in `-data` all act; data is kept in memory, so nothing has to be writable.
What cannot be honoured is refused by name, and nobody is asked without it. The files are read
again every five minutes, when a plugin's credential ends, and when the API server refuses what it
was shown.

## Log severities before the settings are known

`TYPHA_EARLYLOGSEVERITYSCREEN`, or else `TYPHA_LOGSEVERITYSCREEN`, or else `error`. The names are
`panic`, `fatal`, `error`, `warning`, `info` and `debug`.

## Secrets

Values of variables whose names look like those of secrets (they contain `password`, `token`,
`secret`, …, or end in `key` or `cert`) are shown as `%s` everywhere.
"""


def page() -> str:
    """Return the whole page."""
    parts = [_INTRODUCTION]
    for title, group in parameters.ORIGINAL.items():
        parts += [f"## {title}\n", _table(group)]
    parts += [_OURS, _table(parameters.OURS)]
    parts += [_CALICO, _variables(variables.VARIABLES), _EXACT]
    parts += [_variables(variables.EXACT_VARIABLES), _KUBERNETES % redaction.REDACTED]
    return "\n".join(parts)


def _table(group: Iterable[Parameter]) -> str:
    rows = [
        "| setting | accepts | default | zero | invalid | meaning |",
        "|---|---|---|---|---|---|",
        *map(_row, group),
    ]
    return "\n".join(rows) + "\n"


def _row(parameter: Parameter) -> str:
    default = f"`{parameter.default}`" if parameter.default else "nothing"
    cells = [
        f"`{parameter.name}`",
        _accepts(parameter),
        default,
        f"`{parameter.zero}`" if parameter.zero is not None else "",
        _when_invalid(parameter),
        parameter.meaning,
    ]
    return f"| {' | '.join(cells)} |"


def _accepts(parameter: Parameter) -> str:
    """Say what may be written, briefly."""
    if isinstance(parameter.kind, parsing.Bool):
        return "yes or no"
    return parameter.kind.accepts.replace("|", r"\|")


def _when_invalid(parameter: Parameter) -> str:
    if parameter.fatal:
        return "refused"
    anything = isinstance(parameter.kind, parsing.Text) and parameter.kind == parsing.Text()
    path = isinstance(parameter.kind, parsing.File) and not parameter.kind.must_exist
    return "" if anything or path else "default"


def _variables(table: Mapping[str, str]) -> str:
    rows = [f"| `{name}` | {meaning} |" for name, meaning in table.items()]
    return "\n".join(["| variable | meaning |", "|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201  this is what it is for
