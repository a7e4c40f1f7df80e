"""Compose: conf/ in, params.yaml, its digests and dvc.yaml out; always the first stage."""

if __name__ == "__main__":
    from playbill.pipeline.compose import main

    main()
