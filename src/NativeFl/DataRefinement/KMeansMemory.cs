using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>What k-means has on the backend, allocated once: records, centres, and the outputs of the two halves of an iteration.</summary>
internal sealed class KMeansMemory : IDisposable
{
    private readonly Backend _backend;
    private readonly Arena _arena;
    private readonly TensorView _records, _centres, _labels, _distances, _sizes;

    public KMeansMemory(Backend backend, Embeddings embeddings, int clusters)
    {
        var plan = new MemoryPlan("k-means");
        Slot records = plan.Add("records", new Shape(embeddings.Count, embeddings.Width)), centres = plan.Add("centres", new Shape(clusters, embeddings.Width));
        Slot labels = plan.Add("nearest", new Shape(embeddings.Count), DType.I32), distances = plan.Add("distances", new Shape(embeddings.Count));
        Slot sizes = plan.Add("sizes", new Shape(clusters), DType.I32);
        _backend = backend;
        _arena = new Arena(backend, plan);
        (_records, _centres, _labels, _distances, _sizes) = (_arena[records], _arena[centres], _arena[labels], _arena[distances], _arena[sizes]);
        backend.Upload(embeddings.Values, _records);
    }

    /// <summary>K.</summary>
    public int Clusters => _centres.Rows;

    public void SetCentre(int k, ReadOnlySpan<float> centre) => _backend.Upload(centre, _centres.Slice(k, 1));

    /// <summary>(K, C).</summary>
    public float[] Centres() => Read<float>(_centres);

    /// <summary>Every record's squared distance to one centre.</summary>
    public float[] DistancesTo(int k)
    {
        _backend.KMeansAssign(_records, _centres.Slice(k, 1), _labels, _distances);
        return Read<float>(_distances);
    }

    /// <summary>Every record's nearest centre, and its squared distance to it.</summary>
    public (int[] Labels, float[] Distances) Assign()
    {
        _backend.KMeansAssign(_records, _centres, _labels, _distances);
        return (Read<int>(_labels), Read<float>(_distances));
    }

    /// <summary>Makes each centre the mean of the records of the last <see cref="Assign"/>; returns how many they are.</summary>
    public int[] Update()
    {
        _backend.KMeansUpdate(_records, _labels, _centres, _sizes);
        return Read<int>(_sizes);
    }

    public void Dispose() => _arena.Dispose();

    private T[] Read<T>(TensorView tensor)
        where T : unmanaged
    {
        var values = new T[tensor.Count];
        _backend.Download<T>(tensor, values);
        return values;
    }
}
