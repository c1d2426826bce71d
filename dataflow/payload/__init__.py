"""What travels between workflows and activities, and how it is written down."""
