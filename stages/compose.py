"""Compose: conf/ in, params.yaml and dvc.yaml out; always the first stage."""

if __name__ == "__main__":
    from playbill.pipeline.compose import main

    main()
