"""A FastAPI service of several workers, as its owner would write it."""

from __future__ import annotations

import asyncio
import os

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, StreamingResponse

from exporters.exposition import metrics_app
from exporters.requests import RequestMetrics, measure

metrics = RequestMetrics(models=["chat"], workers=os.environ["WORKERS"])
app = FastAPI()


@app.post("/answer/{number}")
async def answer(number: int):
    await asyncio.sleep(0.01)
    return PlainTextResponse("ok", headers={"x-worker": str(os.getpid())})


@app.post("/stream")
async def stream():
    async def chunks():
        for _ in range(5):
            await asyncio.sleep(0.01)
            yield b"data: x\n\n"

    return StreamingResponse(
        chunks(), media_type="text/event-stream", headers={"x-worker": str(os.getpid())}
    )


@app.post("/busy")
async def busy():
    return PlainTextResponse("busy", status_code=503)


app.mount("/metrics", metrics_app(metrics))
app = measure(app, metrics)
