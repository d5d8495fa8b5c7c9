"""How it stands with a DSS's store, in the words of `nwip dss status` and of the web page. Pure."""

from collections.abc import Mapping

from nwip.durations import seconds


def store_text(store: Mapping[str, object]) -> str:
    """Return one line of the object `store` that a node tells: what keeps the directory, where, how well."""
    text = str(store.get("kind"))
    if store.get("place"):
        text += f" at {store['place']}"
    if store.get("saved") is not None:
        text += f", last saved {seconds(store['saved'])} ago"
    if store.get("waiting"):
        text += f", {store['waiting']} changes wait"
    if store.get("carries"):
        text += f", shared with {store['carries']} other DSSs"
    if not store.get("problem"):
        return text
    since = f" for {seconds(store['failing'])}" if store.get("failing") is not None else ""
    return f"{text}; FAILS{since}: {store['problem']}"
