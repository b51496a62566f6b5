/** Each place takes the next point that nobody has tried, until none is left; gives how many were tried. */
export async function eachPoint<Place, Point>(
  { points, places }: { readonly points: readonly Point[]; readonly places: readonly Place[] },
  tryAt: (place: Place, point: Point) => Promise<void>
): Promise<number> {
  const left = points.values()
  let tried = 0
  const work = places.map(async (place) => {
    for (const point of left) {
      await tryAt(place, point)
      tried++
    }
  })
  await Promise.all(work)
  return tried
}
