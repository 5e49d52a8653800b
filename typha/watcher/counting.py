"""What the watcher counts, put into figures once a second."""

from collections import Counter

from typha.syncproto.messages import SyncerType
from typha.telemetry.figures import Figures
from typha.watcher.answers import Answers
from typha.watcher.checkpointing import Checkpointing
from typha.watcher.freshness import Freshness
from typha.watcher.pipeline import Pipeline


class Counts:
    """Everything since the watcher's start."""

    def __init__(
        self,
        pipeline: Pipeline,
        answers: Answers,
        freshness: Freshness,
        checkpointing: Checkpointing | None = None,
    ) -> None:
        """Take what keeps its own numbers."""
        self.events: Counter[str] = Counter()  # by resource
        self._figures = Figures()
        self._pipeline = pipeline
        self._answers = answers
        self._freshness = freshness
        self._checkpointing = checkpointing

    def published(self, syncer: SyncerType, kvs: int) -> None:
        """Count a batch."""
        self._figures.summary("typha_breadcrumb_size", syncer.value).observe(kvs)

    def gather(self, now: float) -> Figures:
        """Put everything into the figures, and give them."""
        figures = self._figures
        figures.turn(now)
        self._gather_streams()
        self._gather_answers()
        self._gather_checkpoint()
        for resource, count in self.events.items():
            figures.set_counter("typha_upstream_events_total", resource, count)
        for resource, count in self._pipeline.intake.unchanged.items():
            figures.set_counter("typha_updates_filtered_total", resource, count)
        for resource, count in self._freshness.relists().items():
            figures.set_counter("typha_upstream_relists_total", resource, count)
        silence = self._freshness.silence(now)
        figures.set_gauges("typha_upstream_staleness_seconds", silence)
        stale = dict.fromkeys(silence, 0.0)
        stale |= dict.fromkeys(self._freshness.stale(now), 1.0)
        figures.set_gauges("typha_upstream_stale", stale)
        figures.set_gauges("typha_invalid_objects", self._invalid())
        return figures

    def _invalid(self) -> dict[str, float]:
        """Count what is left out, by resource; one that is whole again shows 0, not nothing."""
        counts = dict.fromkeys(self._pipeline.intake.resources, 0.0)
        for refusal in self._pipeline.intake.refusals():
            counts[refusal.resource] += 1
        return counts

    def _gather_streams(self) -> None:
        figures = self._figures
        for syncer, stream in self._pipeline.streams.items():
            label = syncer.value
            figures.set_gauge("typha_breadcrumb_seq_number", label, stream.published)
            figures.set_gauge("typha_cache_size", label, len(stream.store))
            figures.set_gauge("typha_unverified_keys", label, len(stream.unverified))
            figures.set_counter("typha_updates_total", label, stream.updates)
            figures.set_counter("typha_updates_skipped", label, stream.skipped)

    def _gather_checkpoint(self) -> None:
        if (kept := self._checkpointing) is not None:
            figures = self._figures
            figures.set_gauge("typha_checkpoint_timestamp_seconds", "", kept.updated_at)
            figures.set_gauge("typha_checkpoint_bytes", "", kept.size)
            figures.set_counter("typha_checkpoint_failures_total", "", kept.failures)

    def _gather_answers(self) -> None:
        figures = self._figures
        for syncer in SyncerType:
            generated = self._answers.generated[syncer]
            reused = self._answers.reused[syncer]
            figures.set_counter("typha_snapshots_generated", syncer.value, generated)
            figures.set_counter("typha_snapshots_reused", syncer.value, reused)
        for topic, (raw, packed) in self._answers.sizes.items():
            figures.set_gauge("typha_snapshot_raw_bytes", topic.syncer.value, raw)
            figures.set_gauge("typha_snapshot_compressed_bytes", topic.syncer.value, packed)
