"""What people read: tables on a terminal, the model card, the report on a pull request."""
