"""The WebSocket link: a relay for DOSBoxes in browsers. No HTTP server is imported until a link is opened."""

from nwip.links.websocket.link import WebSocketLink
from nwip.links.websocket.rooms import Tls, WebSocketServers

__all__ = ["Tls", "WebSocketLink", "WebSocketServers"]
