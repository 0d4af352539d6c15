"""Running the studio on one machine: its home folder, embedded PostgreSQL, supervisor, disk guard and backups.

Nothing in here but `backup` and `supervisor` needs Django.
"""
