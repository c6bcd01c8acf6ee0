"""Explainable reasoning over clinical guidelines.

>>> from reasoner import Guideline
>>> guideline = Guideline.load()
>>> answer = guideline.answer({"id": "p1", "metastatic_therapy": []})
>>> answer.setting
'undetermined'
"""

__version__ = "0.1.0"
