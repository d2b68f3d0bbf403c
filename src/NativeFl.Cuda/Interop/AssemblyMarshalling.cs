// Everything that crosses the border is blittable: what C# passes is what C reads.
[assembly: System.Runtime.CompilerServices.DisableRuntimeMarshalling]
