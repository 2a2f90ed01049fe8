"""OpenAI's client asks a running `sanad serve`; the sources come with the reply.

python examples/openai_client.py http://127.0.0.1:7860/v1 "who leads the talks?"
"""

from __future__ import annotations

import os
import sys

from openai import OpenAI

address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860/v1"
question = " ".join(sys.argv[2:]) or "who leads the talks?"
# With passwords (docs/security.md) the key is NAME:PASSWORD, here read from the variable KEY; without, any.
client = OpenAI(base_url=address, api_key=os.environ.get("KEY", "none"))
reply = client.chat.completions.create(model="sanad", messages=[{"role": "user", "content": question}])
print(reply.choices[0].message.content)
print(reply.usage)
