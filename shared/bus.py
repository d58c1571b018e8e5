"""The bus between Grafana's door and the starter: one Pub/Sub message for each alert."""

import functools
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager

from google.api_core import exceptions as google_errors
from google.api_core.retry import Retry, if_exception_type
from google.auth import exceptions as auth_errors
from google.cloud import pubsub_v1
from pydantic import Field

from shared.contracts import Alert
from shared.errors import Misconfigured, Refused, Throttled, Unavailable, Uncertain
from shared.settings import Settings


class BusSettings(Settings):
    """Where alerts are published; `bus_timeout_s` bounds the wait for Pub/Sub's word, in seconds."""

    google_cloud_project: str = Field(min_length=1)
    incident_topic: str = Field("incident-alerts", min_length=1)
    bus_timeout_s: float = Field(10, gt=0, le=300)
    pubsub_emulator_host: str | None = None


class Bus:
    """Publishes alerts. Publishing one again is harmless: whoever reads them knows an incident by its id."""

    def __init__(self, settings: BusSettings) -> None:
        self._timeout_s = settings.bus_timeout_s
        again = if_exception_type(
            google_errors.ServiceUnavailable, google_errors.Aborted, google_errors.InternalServerError
        )
        self._retry = Retry(predicate=again, initial=0.1, maximum=2, timeout=self._timeout_s)
        with self._named_errors():
            # A batch of one: an alert never waits for company. The library itself reads PUBSUB_EMULATOR_HOST.
            self._client = pubsub_v1.PublisherClient(pubsub_v1.types.BatchSettings(max_messages=1))
        self._topic = self._client.topic_path(settings.google_cloud_project, settings.incident_topic)

    def publish(self, alert: Alert) -> str:
        """Publish one alert; return Pub/Sub's message id once it has confirmed. Raises as `publish_all`."""
        return self.publish_all([alert])[0]

    def publish_all(self, alerts: Sequence[Alert]) -> list[str]:
        """
        Publish alerts side by side; return their message ids once Pub/Sub has confirmed them all.

        Raises Unavailable (no service), Throttled (quota), Refused (permission, no topic), Uncertain (sent, no reply):
        some of the alerts may have been published then, so publish them all again.
        """
        with self._named_errors():
            waiting = [self._send(alert) for alert in alerts]
            return [confirmed.result(timeout=self._timeout_s + 1) for confirmed in waiting]

    def close(self) -> None:
        """Close the connection."""
        self._client.stop()
        self._client.transport.close()  # type: ignore[no-untyped-call]  # the library leaves it untyped

    def _send(self, alert: Alert) -> "pubsub_v1.publisher.futures.Future":
        return self._client.publish(
            self._topic,
            alert.model_dump_json().encode(),
            retry=self._retry,
            timeout=self._timeout_s,
            incident_id=alert.incident_id,
            # For people and filters only; the message has it whole.
            service_name=alert.service_name.encode("ascii", "replace").decode()[:200],
        )

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except google_errors.ResourceExhausted as error:
            raise Throttled(f"Pub/Sub took no alert, the quota is used up: {error}") from error
        except (google_errors.DeadlineExceeded, FutureTimeoutError) as error:
            raise Uncertain(f"Pub/Sub confirmed no alert within {self._timeout_s} s") from error
        except (google_errors.ServerError, google_errors.RetryError, google_errors.Aborted) as error:
            raise Unavailable(f"Pub/Sub took no alert within {self._timeout_s} s: {error}") from error
        except google_errors.ClientError as error:
            raise Refused(f"Pub/Sub refused the alert: {error}") from error
        except auth_errors.DefaultCredentialsError as error:
            raise Misconfigured(f"Pub/Sub needs Google credentials: {error}") from error
        except auth_errors.GoogleAuthError as error:
            raise Refused(f"Pub/Sub could not be spoken to, the credentials failed: {error}") from error


def connect() -> Bus:
    """Return the bus that the settings name, the same one each time. Raises Misconfigured."""
    return _bus(BusSettings.from_env())


@functools.cache
def _bus(settings: BusSettings) -> Bus:
    return Bus(settings)
