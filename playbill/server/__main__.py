"""`python -B -m playbill.server --bundle DIR` serves a bundle with the code that is imported here.

Without `-B` Python would write byte code into a bundle whose code it runs, and verifying would
then refuse the bundle.
"""

from playbill.server.command import main

if __name__ == "__main__":
    main()
