"""What people read: tables on a terminal, the model card."""
