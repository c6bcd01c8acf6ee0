# The types of the public names, which the package imports only when they are asked for.
from reasoner.engine.answer import Answer as Answer
from reasoner.engine.derivation import Derivation as Derivation
from reasoner.errors import GuidelineError as GuidelineError
from reasoner.errors import ReasonerError as ReasonerError
from reasoner.errors import RecordError as RecordError
from reasoner.guideline import Guideline as Guideline
from reasoner.records.record import Record as Record

__version__: str
