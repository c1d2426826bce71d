"""The rules of Amazon SWF: requests and decisions in, history out. Pure: time is an argument.

1. *History is the only truth.* The state of an execution is a fold of its events: only
   ``Execution.apply(event)`` changes it. (One exception: heartbeats, of which SWF writes no event.)
2. *Rules read the state and a request, and return events.* A request that is refused raises a
   `Fault` before anything has changed.
3. *Deadlines are data.* They expire earliest first, one at a time; no threads, no timers.

``execution`` holds the state and the fold, ``deadlines`` what can expire, ``requests`` what
clients ask, ``decisions`` what deciders ask, ``registry`` what the rules need to know of types.
"""
