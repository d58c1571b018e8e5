"""The reference's webhook, which answers 202 and works on: `python -m infra.bench.reference.server PORT`."""

import json
import os
import secrets
import sys
import uuid
from typing import Annotated, Any

import uvicorn
from fastapi import BackgroundTasks, FastAPI, Header, HTTPException
from google.adk.apps import App
from google.adk.runners import Runner
from google.adk.sessions import InMemorySessionService
from google.genai import types

from infra.bench.reference.agents import root_agent

USER = "webhook"
api = FastAPI()
copilot = App(name="copilot", root_agent=root_agent())
sessions = InMemorySessionService()


@api.post("/webhook/trigger_agent", status_code=202)
def trigger_agent(
    body: dict[str, Any], work: BackgroundTasks, x_webhook_api_key: Annotated[str, Header()] = ""
) -> dict[str, str]:
    """Accept an alert: `service_name`, and `lookup_window_seconds` for how far back to read."""
    if not secrets.compare_digest(x_webhook_api_key, os.environ["WEBHOOK_API_KEY"]):
        raise HTTPException(401, "Wrong X-Webhook-API-Key")
    incident_id = uuid.uuid4().hex
    alert = {"incident_id": incident_id, "service_name": body["service_name"]}
    alert["lookup_window_seconds"] = body.get("lookup_window_seconds", 900)
    work.add_task(respond, incident_id, json.dumps(alert))
    return {"incident_id": incident_id}


async def respond(incident_id: str, alert: str) -> None:
    """Run every agent for one alert."""
    await sessions.create_session(app_name=copilot.name, user_id=USER, session_id=incident_id)
    runner = Runner(app=copilot, session_service=sessions)
    message = types.Content(role="user", parts=[types.Part(text=alert)])
    async for _ in runner.run_async(user_id=USER, session_id=incident_id, new_message=message):
        pass


if __name__ == "__main__":
    uvicorn.run(api, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
