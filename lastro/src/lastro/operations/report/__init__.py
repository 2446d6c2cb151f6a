"""Reports for people: pull request, release notes, drift."""
