"""Where the traces are in Firestore, and the connection to it."""

from google.auth import exceptions as auth_errors
from google.cloud import firestore
from pydantic import Field

from shared.errors import Misconfigured
from shared.settings import Settings


class FirestoreSettings(Settings):
    """Which database and collections; `firestore_timeout_s` bounds each call with its retries, in seconds."""

    google_cloud_project: str | None = Field(
        None, description="Id of the Google Cloud project; unset, traces are kept in a local file."
    )
    firestore_emulator_host: str | None = Field(
        None, description="host:port of a Firestore emulator; unset, Google's Firestore."
    )
    firestore_database: str = Field("(default)", description="Firestore database of the traces.")
    firestore_timeout_s: float = Field(
        20, gt=0, le=300, description="Time for one call of Firestore, retries included, in seconds."
    )
    trace_collection: str = Field("incidents", description="Firestore collection of the incidents.")
    trace_lease_collection: str = Field("leases", description="Firestore collection of the leases.")
    trace_text_collection: str = Field("texts", description="Firestore collection of long texts, prompts among them.")
    trace_ttl_days: int = Field(90, ge=1, le=3650, description="Days after which traces are deleted.")


def connect(settings: FirestoreSettings) -> firestore.Client:
    """Return a client of the database. Raises Misconfigured without a project or credentials."""
    try:
        # The library itself reads FIRESTORE_EMULATOR_HOST.
        return firestore.Client(project=settings.google_cloud_project, database=settings.firestore_database)
    except (auth_errors.DefaultCredentialsError, OSError) as error:
        raise Misconfigured(f"Firestore needs GOOGLE_CLOUD_PROJECT and Google credentials: {error}") from error
