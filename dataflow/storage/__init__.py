"""Where jumbo fields are kept, how they are written, and the cache in front of distant stores.

`opening` puts it together from the settings; who reads or writes fields sees
`dataflow.payload.fields.Fields`.
"""
