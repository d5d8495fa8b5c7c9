"""The directory of a domain: records, their merge and their leases. Pure."""
