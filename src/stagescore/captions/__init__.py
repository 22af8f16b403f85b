"""Sentences that are made from facts and can be read back into them.

    measures, differences of stages -> advice (which facts) -> facts -> grammar (a file a language) -> sentences -> grammar -> facts

No word of a sentence comes from anywhere else: whoever has the sentence has the facts, and nothing can be said that was not found.
"""
