"""What the pods of all our Jobs have in common."""

from __future__ import annotations

from typing import Any

Plain = dict[str, Any]
POD_SECURITY: Plain = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
CONTAINER_SECURITY: Plain = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
DISRUPTED: Plain = {
    "action": "Ignore",
    "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
}
"""First rule of a failure policy: a pod that was disrupted may have any exit code."""
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def secret_variables(secret: str) -> list[Plain]:
    """Return the environment of a container that takes the store's credentials from a Secret."""
    return [
        {
            "name": key,
            "valueFrom": {
                "secretKeyRef": {
                    "name": secret,
                    "key": key,
                    "optional": key == "AWS_SESSION_TOKEN",
                }
            },
        }
        for key in _KEYS
    ]
