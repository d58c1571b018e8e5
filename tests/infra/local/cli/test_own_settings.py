"""What .env changes: a sandbox fills up no real account, and sends nothing to a made-up receiver."""

from infra.local.cli.own_settings import own_settings


def test_nothing_set_changes_nothing() -> None:
    """The stack keeps its sandboxes."""
    assert own_settings({}) == {}


def test_real_token_never_goes_to_the_sandbox() -> None:
    """A token without an address belongs to github.com, so the sandbox's address and repository go."""
    settings = own_settings({"GITHUB_TOKEN": "t"})

    assert settings == {"GITHUB_API_URL": "", "GITHUB_REPO": "", "GITHUB_TOKEN": "t"}


def test_real_mailbox_gets_neither_the_sandboxs_address_nor_its_receiver() -> None:
    """Google's own addresses are the defaults; who receives has none."""
    settings = own_settings({"GMAIL_CLIENT_ID": "c"})

    assert (settings["GMAIL_API_URL"], settings["GMAIL_TOKEN_URL"], settings["ON_CALL_ENGINEERS"]) == ("", "", "")


def test_sources_can_go_without_sandboxes() -> None:
    """SANDBOX_SOURCES=false leaves out what is not named."""
    settings = own_settings({"GRAFANA_HOST": "https://logs.example.com", "SANDBOX_SOURCES": "false"})

    assert (settings["GRAFANA_HOST"], settings["PROMETHEUS_HOST"], settings["GITHUB_REPO"]) == (
        "https://logs.example.com",
        "",
        "",
    )


def test_key_of_the_model_means_that_it_is_wanted() -> None:
    """The stack runs offline otherwise."""
    assert own_settings({"GEMINI_API_KEY": "k"})["MODEL_PROVIDER"] == "gemini"
    assert own_settings({"GEMINI_API_KEY": "k", "MODEL_PROVIDER": "offline"})["MODEL_PROVIDER"] == "offline"
