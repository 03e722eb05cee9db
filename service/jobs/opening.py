"""The jobs of a service: where they are kept, done and counted, and what is told of failures."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from service.errors import explain
from service.jobs.desk import Jobs
from service.jobs.errors import TaskFailedError
from service.jobs.process import Place
from service.jobs.reembedding import ReembedTask
from service.jobs.store import JOBS_FILE, JobStore

if TYPE_CHECKING:
    from indexing.data_folder import DataFolder
    from service.engine import Engine
    from service.jobs.types import Fault, Job, Task

logger = logging.getLogger(__name__)


def open_jobs(engine: Engine, folder: DataFolder) -> Jobs:
    """The jobs of the data folder; what waits there begins."""
    settings = engine.settings

    def explained(error: Exception) -> Fault:
        if isinstance(error, TaskFailedError):
            fault = error.fault
        else:
            fault, is_ours = explain(error)
            if is_ours:
                logger.error("a job failed", exc_info=error)
        return replace(fault, message=engine.without_folder(fault.message))

    place = Place(
        engine.using,
        settings.job_threads,
        settings.job_niceness,
        engine.job_processes,
        folder.path.absolute(),
        engine.backups_path,
        settings.disk_floor,
        folder.adopt,
        engine.resources,
    )

    def begin(job: Job) -> Task:
        return ReembedTask(job, engine) if job.kind == "reembed" else place.begin(job)

    jobs = Jobs(
        JobStore(folder.path / JOBS_FILE, most=settings.job_history),
        begin,
        explained,
        workers=settings.job_workers,
        most_waiting=settings.max_jobs,
        ended=engine.metrics.count_job,
    )
    jobs.start()
    return jobs
