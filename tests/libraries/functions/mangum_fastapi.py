from fastapi import FastAPI
from mangum import Mangum

app = FastAPI()


@app.post("/pets/{pet}")
async def pets(pet: int) -> dict[str, int]:
    return {"pet": pet}


handler = Mangum(app, lifespan="off")
