"""What happens around the pipeline: tracking, registry, release, image, reports, GitHub."""
