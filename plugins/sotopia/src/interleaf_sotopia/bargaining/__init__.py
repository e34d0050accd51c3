"""Dividing items: a negotiation whose result needs no judge, to show learning where it can be verified."""
