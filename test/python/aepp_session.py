"""What all uses of the public client aepp have in common: it is pointed at a running Sluice, and its calls are noted."""
import sys
import warnings

warnings.filterwarnings("ignore")
import aepp


def configure():
    """By the arguments of the script: address, organisation, client id, secret."""
    http, organization, client_id, secret = sys.argv[1:5]
    aepp.configure(org_id=organization, client_id=client_id, secret=secret, scopes="openid", sandbox="prod")
    aepp.config.endpoints["global"] = http
    aepp.config.config_object["oauthTokenEndpointV2"] = f"{http}/ims/token/v3"
    return http


called = set()


class Noted:
    """Passes every call on to the client as it is and notes its name."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        value = getattr(self._client, name)
        if not callable(value):
            return value

        def call(*args, **kwargs):
            called.add(f"{type(self._client).__name__}.{name}")
            return value(*args, **kwargs)

        return call
