"""What many write first: FastAPI around sentence-transformers, each request encoded alone.

python benchmarks/serving/plain_server.py FOLDER PORT
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer


class Body(BaseModel):
    """OpenAI's request."""

    model: str
    input: list[str]


def create_app(folder: str) -> FastAPI:
    """The application over a model folder."""
    app = FastAPI()
    model = SentenceTransformer(folder, device="cpu", local_files_only=True)

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/v1/embeddings")
    def embed(body: Body) -> dict[str, Any]:
        vectors = model.encode(body.input, normalize_embeddings=True, show_progress_bar=False)
        data = [
            {"object": "embedding", "index": place, "embedding": vector.tolist()}
            for place, vector in enumerate(vectors)
        ]
        return {"object": "list", "data": data, "model": body.model}

    return app


if __name__ == "__main__":
    uvicorn.run(
        create_app(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning"
    )
