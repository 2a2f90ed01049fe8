"""The API for clients of OpenAI's: bodies, routes, and the tasks that chat front ends send by themselves."""
