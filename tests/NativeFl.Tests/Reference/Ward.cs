namespace NativeFl.Tests.Reference;

/// <summary>Ward's clustering by trying every pair at every join and summing its inertia from the points. Plain loops in double.</summary>
internal static class Ward
{
    public static int[] Labels(double[] points, int width, int clusters)
    {
        List<List<int>> parts = [.. Enumerable.Range(0, points.Length / width).Select(n => new List<int> { n })];
        while (parts.Count > clusters)
        {
            (double Rise, int I, int J) best = (double.PositiveInfinity, 0, 0);
            for (int i = 0; i < parts.Count; i++)
            {
                for (int j = i + 1; j < parts.Count; j++)
                {
                    double rise = Inertia([.. parts[i], .. parts[j]], points, width) - Inertia(parts[i], points, width) - Inertia(parts[j], points, width);
                    if (rise < best.Rise) best = (rise, i, j);
                }
            }

            parts[best.I].AddRange(parts[best.J]);
            parts.RemoveAt(best.J);
        }

        var labels = new int[points.Length / width];
        int number = 0;
        foreach (List<int> part in parts.OrderBy(part => part.Min()))
        {
            foreach (int n in part) labels[n] = number;
            number++;
        }

        return labels;
    }

    private static double Inertia(List<int> members, double[] points, int width)
    {
        double inertia = 0;
        for (int c = 0; c < width; c++)
        {
            double mean = members.Average(n => points[(n * width) + c]);
            inertia += members.Sum(n => Math.Pow(points[(n * width) + c] - mean, 2));
        }

        return inertia;
    }
}
