"""The replay: history in, decisions out. Pure: no clock, no chance, no I/O.

`dataflow.replay.run.Run` is one execution as a decider holds it. The rest are its parts:

* `suspension`: ``run()`` in a greenlet, suspended and resumed;
* `activities`, `timers`: the tasks, from submit to the end of their last attempt;
* `sources`: which tasks fed a task, for the graph;
* `agenda`: what is ready to be asked for, and the limits of one answer;
* `expectations`: what was asked for, until history confirms it;
* `decided`: the answer.
"""
