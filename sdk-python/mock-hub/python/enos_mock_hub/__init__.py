"""A stand-in for the EnOS cloud: a process of its own on free ports, with the devices of a seed."""

from enos_mock_hub._hub import Device, Hub, HubError

__all__ = ["Device", "Hub", "HubError"]
