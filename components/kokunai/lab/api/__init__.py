"""The IaaS API over HTTP, as its documentation and its public clients describe it."""
