"""The vocabulary of Amazon SWF (API version 2012-01-25): what both halves of the house share.

Events, decisions, faults, names and limits, as values; no behaviour. The client's half
(`dataflow.replay`) turns events into decisions, the server's half (`dataflow.engine`) turns
decisions into events; neither knows the other.

botocore's bundled service model is the specification: ``tests/unit/test_protocol.py`` compares
every structure, member, requirement and enumeration with it.
"""
