"""Which addresses the brief may link: pages of the systems that the settings name, and those of the alert itself."""

from shared import log
from shared.bounds import Address, map_texts
from shared.contracts import PostProcessRequest
from shared.errors import Misconfigured
from shared.links import LinkSettings, host_of


def own_links_only(request: PostProcessRequest) -> PostProcessRequest:
    """Return the request without addresses elsewhere, save those of the alert; a wrong setting allows none."""
    try:
        hosts = LinkSettings.from_env().hosts()
    except Misconfigured as error:
        log.error("brief.links_misconfigured", error=str(error))
        hosts = frozenset()

    def own(url: str) -> str:
        if host_of(url) in hosts:
            return url
        log.warning("brief.link_dropped", host=host_of(url))
        return ""

    return map_texts(request, Address, own).replace(alert=request.alert)
