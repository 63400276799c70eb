from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool)


def handler(event, context):
    with engine.connect() as connection:
        return [*connection.execute(text("SELECT :pet"), {"pet": event["pet"]}).one()]
