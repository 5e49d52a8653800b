"""The door to `kubernetes`: single modules of it, loaded by name.

Its packages import every model of every API, which costs 20 to 45 MB and half a second; what loads
configurations costs 2 to 9 alone.
"""

import importlib
import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

Fields = dict[str, Any]

_PACKAGES: Final = ("kubernetes", "kubernetes.client", "kubernetes.config")


def configuration() -> Any:
    """Make an empty configuration, with the environment's proxies."""
    return _module("kubernetes.client.configuration").Configuration()


def load_into(configuration: Any, cluster: Fields, user: Fields) -> None:
    """Let the library make of one cluster and one user what requests need."""
    entries = {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": user}],
    }
    loaders = _module("kubernetes.config.kube_config")
    loaders.load_kube_config_from_dict(
        entries, client_configuration=configuration, persist_config=False
    )


def load_pod_account_into(configuration: Any) -> None:
    """Let the library read what the kubelet has laid into the pod."""
    _module("kubernetes.config.incluster_config").load_incluster_config(configuration)


def _module(name: str) -> ModuleType:
    """Import one of its modules without what its packages import."""
    if name not in sys.modules:
        _lay_bare_packages()
    return importlib.import_module(name)


def _lay_bare_packages() -> None:
    """Put packages in place that have their modules but have not run their own code.

    What has been imported in the usual way is left as it is.
    """
    if "kubernetes" in sys.modules:
        return
    spec = importlib.util.find_spec("kubernetes")
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError("the package kubernetes is not installed")
    roots = [Path(root) for root in spec.submodule_search_locations]
    for name in _PACKAGES:
        inner = Path(*name.split(".")[1:])
        bare = importlib.machinery.ModuleSpec(name, None, is_package=True)
        bare.submodule_search_locations = [str(root / inner) for root in roots]
        sys.modules[name] = importlib.util.module_from_spec(bare)
    client = sys.modules["kubernetes.client"]
    client.__getattr__ = _client_member  # type: ignore[method-assign]  # PEP 562


def _client_member(name: str) -> Any:
    """Give what the loaders take from `kubernetes.client`, importing what is rare when called."""
    if name == "Configuration":
        return _module("kubernetes.client.configuration").Configuration
    if name == "ApiClient":  # only to renew OIDC tokens

        def late(*args: Any, **options: Any) -> Any:
            return importlib.import_module("kubernetes.client.api_client").ApiClient(
                *args, **options
            )

        return late
    raise AttributeError(name)
