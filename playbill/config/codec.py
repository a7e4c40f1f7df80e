"""What reads and writes the files of a stage that need a module of their own, by their ending.

The runner imports it by name, unseen by an import graph, so that a stage without such a file does
not come to depend on it.
"""

CODECS = {".skops": "playbill.model.persistence"}
