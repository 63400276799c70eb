"""The span processor that decides at the end of an invocation what is exported of it."""

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, TracerProvider
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import SpanContext, StatusCode

from lambda_otel_lite.configuration.settings import Settings, variable
from lambda_otel_lite.configuration.variables import TRACES_SAMPLER
from lambda_otel_lite.processor import DROPPED_SPANS, LambdaSpanProcessor
from lambda_otel_lite.sampling.probability import with_state, with_threshold
from lambda_otel_lite.sampling.rules import KeepRules, Outcome, Verdict
from lambda_otel_lite.sampling.sampler import record_all
from lambda_otel_lite.startup.threads import RLock

if TYPE_CHECKING:
    from lambda_otel_lite.export.exporter import Exporter

#: On the first span of a tree that the head decision had not sampled: the rule that kept it.
SAMPLING_RULE = "sampling.rule"

# So many traces are remembered, for spans that start when the root of their tree has ended.
_MOST_TREES = 256


class _Tree:
    """A span whose parent is not in this process, and all spans below it: an invocation's, mostly.

    Args:
        root: The first span's id.
        context: The first span's.
    """

    __slots__ = ("context", "dropped", "failed", "root", "verdict", "waiting")

    def __init__(self, context: SpanContext) -> None:
        self.root = context.span_id
        self.context = context
        self.waiting: list[ReadableSpan] = []
        self.failed = False
        self.dropped = 0
        self.verdict: Verdict | None = None


class KeepingSpanProcessor(LambdaSpanProcessor):
    """Holds the spans of each tree until its first span has ended, and exports it or forgets it.

    Nothing leaves before: a flush in the middle of an invocation exports what is decided. Spans
    that end later share the fate of their tree. Where the queue is full, the tree with the most
    spans loses its last one. What an exported tree has lost so is counted, and its first span never
    is. A tree of which the first span was lost is decided by what is known at the next flush, and
    what is left at the shutdown is, too.

    Args:
        span_exporter: Takes the spans that are kept.
        rules: Say which.
        limits: ``max_queue_size`` and ``max_export_batch_size`` of `LambdaSpanProcessor`. The queue
            holds spans that wait for a decision and spans that wait for their export.
    """

    def __init__(self, span_exporter: "Exporter", rules: KeepRules, **limits: int) -> None:
        super().__init__(span_exporter, **limits)
        self._rules = rules
        self._lock = RLock()
        # Of each open span.
        self._trees: dict[int, _Tree] = {}
        # The last one of each trace.
        self._of_traces: dict[int, _Tree] = {}
        # Those with spans that wait, by the first span's id, and how many spans there are.
        self._undecided: dict[int, _Tree] = {}
        self._waiting = 0

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Remember the span and its tree."""
        super().on_start(span, parent_context)
        context, parent = span.get_span_context(), span.parent
        tree = None
        if parent is not None and not parent.is_remote:
            tree = self._trees.get(parent.span_id)
            if tree is None and not self._is_forked:
                # Its parent has ended.
                tree = self._of_traces.get(parent.trace_id)
        if tree is None:
            tree = _Tree(context)
            with self._lock:
                self._of_traces.pop(context.trace_id, None)
                self._of_traces[context.trace_id] = tree
                if len(self._of_traces) > _MOST_TREES:
                    del self._of_traces[next(iter(self._of_traces))]
        self._trees[context.span_id] = tree

    def on_end(self, span: ReadableSpan) -> None:
        """Hold the span until its tree is decided about, which the end of the first span does."""
        context = span.context
        tree = self._trees.pop(context.span_id, None) if context else None
        if context is None or tree is None:
            super().on_end(span)  # One that started before this was there.
            return
        is_root = context.span_id == tree.root
        with self._lock:
            # Within: to a flush in another thread a span that is not open is lost.
            self._open.pop(context.span_id, None)
            if span.status.status_code is StatusCode.ERROR:
                tree.failed = True
            if tree.verdict is None and not is_root:
                self._hold(tree, span)
                return
            verdict = tree.verdict or self._decide(tree, span)
            if verdict.kept and not is_root:
                self._queue_late(span, verdict)
        if not is_root:
            return
        if verdict.kept:
            self._queue_root(span, verdict)
        if self._exports_local_roots or self._is_forked:
            self.force_flush()

    def note_dropped(self, root: trace.Span) -> None:
        """Do nothing: it is noted where a tree is kept, for what others lose is no loss."""

    def process_spans(self) -> None:
        """Export all spans that are kept; never raises."""
        if self._undecided:
            self._decide_all(lost=True)
        super().process_spans()

    def shutdown(self) -> None:
        """Decide what is left by what is known, export it and shut the exporter down."""
        self._decide_all()
        super().shutdown()

    def _decide_all(self, *, lost: bool = False) -> None:
        """Decide about trees of which the first span has not ended, or only where it never will."""
        with self._lock:
            for tree in list(self._undecided.values()):
                known = self._open.get(tree.root)
                root = known() if known else None
                if root is None or not lost:
                    self._decide(tree, root)

    def _decide(self, tree: _Tree, root: ReadableSpan | None) -> Verdict:
        verdict = tree.verdict = self._rules.judge(Outcome(root, tree.failed, tree.context))
        waiting, tree.waiting = tree.waiting, []
        self._undecided.pop(tree.root, None)
        self._waiting -= len(waiting)
        if verdict.kept:
            self._queue.extend(_with_threshold(span, verdict) for span in waiting)
            self._holds_roots_alone = False
            self._dropped += tree.dropped
            self._untold += tree.dropped
        return verdict

    def _queue_root(self, root: ReadableSpan, verdict: Verdict) -> None:
        with self._lock:
            is_full = self._is_full()
            if is_full and self._undecided:
                self._shrink_largest()
                is_full = False
            dropped, self._untold = self._untold + is_full, -int(is_full)
        marks: dict[str, Any] = {SAMPLING_RULE: verdict.rule} if verdict.rule else {}
        if dropped:
            marks[DROPPED_SPANS] = dropped
        root = _with_threshold(root, verdict)
        if marks:
            root = _with_attributes(root, marks)
        # Not with the lock: this waits for an export, which may end spans.
        if is_full:
            self._drop_for(root)
        else:
            self._queue.append(root)

    def _queue_late(self, span: ReadableSpan, verdict: Verdict) -> None:
        if self._is_full():
            self._count_dropped()
        else:
            self._queue.append(_with_threshold(span, verdict))

    def _hold(self, tree: _Tree, span: ReadableSpan) -> None:
        tree.waiting.append(span)
        self._undecided[tree.root] = tree
        self._waiting += 1
        if len(self._queue) + self._waiting > self.max_queue_size:
            self._shrink_largest()

    def _shrink_largest(self) -> None:
        largest = max(self._undecided.values(), key=lambda tree: len(tree.waiting))
        largest.waiting.pop()
        largest.dropped += 1
        self._waiting -= 1
        if not largest.waiting:
            del self._undecided[largest.root]

    def _is_full(self) -> bool:
        return len(self._queue) + self._waiting >= self.max_queue_size

    def _forget_lost_spans(self) -> None:
        super()._forget_lost_spans()
        for span_id in list(self._trees):
            if span_id not in self._open:
                self._trees.pop(span_id, None)

    def _begin_anew(self) -> None:
        super()._begin_anew()
        for one in (self._trees, self._of_traces, self._undecided):
            one.clear()
        self._waiting = 0
        self._lock = RLock()


def keeping(
    settings: Settings, exporter: "Exporter", provider: TracerProvider, sampler: Sampler | None
) -> KeepingSpanProcessor:
    """Make the processor that the keep rules of the settings ask for, and have all spans recorded.

    Args:
        settings: The rules, and the sizes of queue and batches.
        exporter: Takes the spans that are kept.
        provider: Has made no tracer yet.
        sampler: What the user has passed, if anything.
    """
    record_all(provider, settings.keep, chosen=bool(sampler or variable(TRACES_SAMPLER)))
    return KeepingSpanProcessor(
        exporter,
        KeepRules(settings.keep),
        max_queue_size=settings.queue_size,
        max_export_batch_size=settings.batch_size,
    )


def _with_threshold(span: ReadableSpan, verdict: Verdict) -> ReadableSpan:
    context = span.context
    if verdict.threshold is None or context is None:
        return span
    # A copy: other processors hold the same object.
    span = copy.copy(span)
    state = with_threshold(context.trace_state, verdict.threshold)
    span._context = with_state(context, state)  # noqa: SLF001 - the one way without losing its counts
    return span


def _with_attributes(span: ReadableSpan, more: Mapping[str, Any]) -> ReadableSpan:
    attributes = BoundedAttributes(attributes={**(span.attributes or {}), **more})
    attributes.dropped = span.dropped_attributes
    span = copy.copy(span)
    span._attributes = attributes  # noqa: SLF001 - as above
    return span
