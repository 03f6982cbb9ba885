"""A Flask service of several workers, as its owner would write it."""

from __future__ import annotations

import os
import time

from flask import Flask, Response, request

from exporters.exposition import Exposition
from exporters.requests import RequestMetrics, measure

metrics = RequestMetrics(models=["chat"], workers=os.environ["WORKERS"])
page = Exposition(metrics)
app = Flask("service")


@app.post("/answer/<int:number>")
def answer(number: int):
    request.get_data()
    time.sleep(0.01)
    return Response("ok", headers={"x-worker": str(os.getpid())})


@app.post("/stream")
def stream():
    def chunks():
        for _ in range(5):
            time.sleep(0.01)
            yield b"data: x\n\n"

    return Response(chunks(), mimetype="text/event-stream", headers={"x-worker": str(os.getpid())})


@app.post("/busy")
def busy():
    return "busy", 503


@app.get("/metrics")
def metrics_page():
    body, kind = page.answer(request.headers.get("accept"))
    return Response(body, content_type=kind)


app = measure(app, metrics)
