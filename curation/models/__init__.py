"""What is remembered: one file per noun."""

from curation.models.activity import Activity
from curation.models.call import Call, Spending, Spent
from curation.models.cluster import Cluster, ClusterMember
from curation.models.comparison import Comparison
from curation.models.decision import Decision, Draft
from curation.models.document import Document, Occurrence
from curation.models.duplicate import DuplicatePair, DuplicateRuling, LexicalBand
from curation.models.embedding import Embedding, EmbeddingModel
from curation.models.endpoint import Endpoint
from curation.models.extraction import Extraction, Signals
from curation.models.heartbeat import WorkerHeartbeat
from curation.models.importing import Import, ImportFile, RejectedRow
from curation.models.job import Chunk, Job, Mishap, Progress
from curation.models.knob_change import KnobChange, TakenBack
from curation.models.label import Label
from curation.models.passage import Passage
from curation.models.project import Membership, Project, Role
from curation.models.project_map import ProjectMap
from curation.models.prompt import Prompt, PromptVersion
from curation.models.queue import Item, Lease, Queue, Sitting, Slot
from curation.models.revision import Revision
from curation.models.run import STANDINGS, Candidate, Loss, Run, RunSeed
from curation.models.sample import Sample, SampleStep, Verdict
from curation.models.score import Activation, ActiveScorer, Rubric, Score, Scorer
from curation.models.seed import Seed
from curation.models.snapshot import Snapshot, SnapshotFile, SnapshotRow
from curation.models.source import Source
from curation.models.stored_file import StoredFile
from curation.models.text_version import TextVersion
from curation.models.user import ApiToken, SignInFailure, SignInLink, User

__all__ = [
    "STANDINGS",
    "Activation",
    "ActiveScorer",
    "Activity",
    "ApiToken",
    "Call",
    "Candidate",
    "Chunk",
    "Cluster",
    "ClusterMember",
    "Comparison",
    "Decision",
    "Document",
    "Draft",
    "DuplicatePair",
    "DuplicateRuling",
    "Embedding",
    "EmbeddingModel",
    "Endpoint",
    "Extraction",
    "Import",
    "ImportFile",
    "Item",
    "Job",
    "KnobChange",
    "Label",
    "Lease",
    "LexicalBand",
    "Loss",
    "Membership",
    "Mishap",
    "Occurrence",
    "Passage",
    "Progress",
    "Project",
    "ProjectMap",
    "Prompt",
    "PromptVersion",
    "Queue",
    "RejectedRow",
    "Revision",
    "Role",
    "Rubric",
    "Run",
    "RunSeed",
    "Sample",
    "SampleStep",
    "Score",
    "Scorer",
    "Seed",
    "SignInFailure",
    "SignInLink",
    "Signals",
    "Sitting",
    "Slot",
    "Snapshot",
    "SnapshotFile",
    "SnapshotRow",
    "Source",
    "Spending",
    "Spent",
    "StoredFile",
    "TakenBack",
    "TextVersion",
    "User",
    "Verdict",
    "WorkerHeartbeat",
]
