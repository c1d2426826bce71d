"""The client's half of the wire protocol: a server of ours over HTTP, and Amazon SWF by boto3.

``http`` is the lean client for our own server (``addresses``, ``wire``, ``signing`` and
``credentials`` are what it is made of), ``amazon`` the one that goes through boto3. Both are a
`dataflow.protocol.service.Service` and raise its faults, so that nobody above
`dataflow.connect` need know which it is.
"""
