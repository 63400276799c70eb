"""Drive a real headless Chromium through the pipe of its DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
#: Far more than anything takes: a test that waits for what never comes is to fail, not to hang.
_ANSWER_SECONDS = 30.0
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--remote-debugging-pipe"),
)


def find_chromium() -> str | None:
    """Return Chromium's program, or None where there is none; CHROMIUM may name it."""
    named = [os.environ[name] for name in ("CHROMIUM",) if os.environ.get(name)]
    return next((found for name in (*named, *_NAMES) if (found := shutil.which(name))), None)


class Page:
    """One tab. Everything that happens in it can be asked for; nothing needs to be slept on."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = os.fdopen(commands, "wb")
        self._answers = answers
        self._pending = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        self._commands.flush()
        while (answer := self._receive()).get("id") != self._number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return dict(answer["result"])

    def open(self, address: str) -> None:
        """Go to an address and wait until it has loaded."""
        self.events.clear()
        self.call("Page.navigate", url=address)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._receive())

    def evaluate(self, expression: str) -> Any:
        """Return the JSON value of an expression; a promise is awaited."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if problem := answer.get("exceptionDetails"):
            raise RuntimeError(f"{expression}: {problem}")
        return answer["result"].get("value")

    def accessible_name(self, selector: str) -> str:
        """Return the name by which a screen reader knows an element."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        found = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        tree = self.call("Accessibility.getPartialAXTree", nodeId=found, fetchRelatives=False)
        return str(tree["nodes"][0]["name"]["value"])

    def settle(self) -> None:
        """Wait until what was asked for is on the screen."""
        self.evaluate("new Promise(d => requestAnimationFrame(() => requestAnimationFrame(d)))")

    def press(self, key: str) -> None:
        """Press and let go of a key, by its DOM name or the sign that it types."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)
        self.settle()

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the mouse at one point and let it go at another; clicks where both are one."""
        for kind, (x, y) in (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)):
            self.call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=x,
                y=y,
                button="left",
                buttons=1,
                clickCount=1,
            )
        self.settle()

    def look(self, width: int, height: int, *, dark: bool = False, scale: float = 1) -> None:
        """Set the size of the window and which colours the user prefers."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.settle()

    def screenshot(self, target: Path) -> None:
        """Write what the window shows as PNG."""
        self.settle()
        target.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        """Let go of the pipes; the browser ends by itself then."""
        self._commands.close()
        os.close(self._answers)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._pending:
            if not select.select([self._answers], [], [], _ANSWER_SECONDS)[0]:
                raise TimeoutError("Chromium gave no answer")
            chunk = os.read(self._answers, 1 << 20)
            if not chunk:
                raise RuntimeError("Chromium ended")
            self._pending += chunk
        message, _, self._pending = self._pending.partition(b"\0")
        return dict(json.loads(message))


@contextmanager
def browser(program: str) -> Iterator[Page]:
    """Run Chromium with an empty profile for as long as the ``with`` block lasts."""
    commands_out, commands = os.pipe()
    answers, answers_in = os.pipe()
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        # The protocol's pipes are descriptors 3 and 4 of the browser.
        script = f'exec "$0" "$@" 3<&{commands_out} 4>&{answers_in}'
        process = subprocess.Popen(
            ["/bin/bash", "-c", script, program, *_FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(commands_out, answers_in),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands_out)
        os.close(answers_in)
        try:
            page = Page(commands, answers)
            try:
                yield page
            finally:
                page.close()
        finally:
            process.terminate()
            process.wait()
