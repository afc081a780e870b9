using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.Robustness;

/// <summary>A small model of random layers, for a random kind of input.</summary>
internal sealed class RandomModel : Module<Tensor, Tensor>
{
    public const int Outputs = 3;

    private readonly List<Func<Tensor, Tensor>> _path = [];
    private readonly Random _random;
    private long[] _shape;   // of one example, on the way

    public RandomModel(Random random)
        : base(nameof(RandomModel))
    {
        _random = random;
        (Kind, _shape) = random.Next(4) switch
        {
            0 => ("vector", [Between(1, 5)]),
            1 => ("sequence", [Between(1, 4), Between(1, 4)]),
            2 => ("image", [Between(1, 3), Between(3, 6), Between(3, 6)]),
            _ => ("tokens", new long[] { Between(1, 5) }),
        };
        InputShape = _shape;
        if (Kind == "tokens")
            AddTable();
        for (var i = random.Next(4); i > 0; i--)
            AddLayer();
        if (_shape.Length > 1)
            AddReduction();
        var last = Linear(_shape[0], Outputs, hasBias: random.Next(3) > 0);
        Add(last, last.call, Outputs);
        RegisterComponents();
    }

    public string Kind { get; }

    public long[] InputShape { get; }

    public long Vocabulary { get; } = 5;

    public Tensor Input(long batch, ScalarType type) =>
        Kind == "tokens" ? randint(Vocabulary, [batch, .. InputShape]) : randn([batch, .. InputShape], dtype: type) * (0.2 + 2 * _random.NextDouble());

    public override Tensor forward(Tensor input) => _path.Aggregate(input, (value, layer) => layer(value));

    private long Between(int least, int most) => _random.Next(least, most + 1);

    private bool Coin() => _random.Next(2) == 0;

    private void Add(Module layer, Func<Tensor, Tensor> call, params long[] shape)
    {
        register_module($"layer{_path.Count}", layer);
        _path.Add(call);
        _shape = shape;
    }

    private void AddTable()
    {
        var width = Between(1, 4);
        if (Coin())
        {
            var table = Embedding(Vocabulary, width, padding_idx: Coin() ? null : Between(0, 4));
            Add(table, table.call, _shape[0], width);
        }
        else
        {
            var bag = EmbeddingBag(Vocabulary, width, mode: Coin() ? EmbeddingBagMode.Sum : EmbeddingBagMode.Mean);
            Add(bag, x => bag.call(x, null, null), width);
        }
    }

    private void AddLayer()
    {
        switch (_shape.Length)
        {
            case 1:
                AddToVector();
                break;
            case 2:
                AddToSequence();
                break;
            default:
                AddToImage();
                break;
        }
        if (Coin())
            _path.Add(_random.Next(3) switch { 0 => x => x.tanh(), 1 => x => functional.gelu(x), _ => x => functional.relu(x) });
    }

    private void AddToVector()
    {
        var width = _shape[0];
        switch (_random.Next(6))
        {
            case 0:
                var norm = LayerNorm(width, eps: 0.1);
                Add(norm, norm.call, width);
                break;
            case 1:
                var slope = PReLU(Coin() ? 1 : width);
                Add(slope, slope.call, width);
                break;
            case 2:
                var bilinear = Bilinear(width, width, width, hasBias: Coin());
                Add(bilinear, x => bilinear.call(x, x.tanh()), width);
                break;
            case 3:
                var twice = Linear(width, width, hasBias: Coin());
                Add(twice, x => x + twice.call(twice.call(x).tanh()), width);
                break;
            default:
                var next = Between(1, 6);
                var linear = Linear(width, next, hasBias: Coin());
                Add(linear, linear.call, next);
                break;
        }
    }

    private void AddToSequence()
    {
        var (length, width) = (_shape[0], _shape[1]);
        switch (_random.Next(6))
        {
            case 0:
                var norm = LayerNorm(width, eps: 0.1);
                Add(norm, norm.call, length, width);
                break;
            case 1:
                var channels = Between(1, 4);
                var convolution = Conv1d(width, channels, 2, padding: 1, dilation: 1, bias: Coin());
                Add(convolution, x => convolution.call(x.transpose(1, 2)).transpose(1, 2), length + 1, channels);
                break;
            case 2:
                var hidden = Between(1, 3);
                var recurrent = DPGRU.From(GRU(width, hidden, batchFirst: true));
                Add(recurrent, x => recurrent.call(x, null, null).Item1, length, hidden);
                break;
            case 3:
                var mean = Coin();
                _path.Add(x => mean ? x.mean([1]) : x.flatten(1));
                _shape = mean ? [width] : [length * width];
                break;
            default:
                var next = Between(1, 5);
                var linear = Linear(width, next, hasBias: Coin());
                Add(linear, linear.call, length, next);
                break;
        }
    }

    private void AddToImage()
    {
        var (channels, height, width) = (_shape[0], _shape[1], _shape[2]);
        switch (_random.Next(6))
        {
            case 0:
                var group = GroupNorm(1, channels, eps: 0.1);
                // TorchSharp leaves them as it finds them in memory.
                init.ones_(group.weight);
                init.zeros_(group.bias!);
                Add(group, group.call, _shape);
                break;
            case 1:
                if (height * width < 2)
                    return;
                var instance = InstanceNorm2d(channels, eps: 0.1, affine: true);
                Add(instance, instance.call, _shape);
                break;
            case 2:
                var slope = PReLU(channels);
                Add(slope, slope.call, _shape);
                break;
            case 3:
                var outward = Between(1, 3);
                var transposed = ConvTranspose2d(channels, outward, 2, stride: 1, bias: Coin());
                Add(transposed, transposed.call, outward, height + 1, width + 1);
                break;
            default:
                var groups = Coin() ? 1 : channels;
                var (made, kernel, stride, padding) = (groups * Between(1, 2), Between(1, (int)Math.Min(3, Math.Min(height, width))), Between(1, 2), Between(0, 1));
                var convolution = Conv2d(channels, made, kernel, stride: stride, padding: padding, groups: groups, bias: Coin());
                Add(convolution, convolution.call, made, (height + 2 * padding - kernel) / stride + 1, (width + 2 * padding - kernel) / stride + 1);
                break;
        }
    }

    private void AddReduction()
    {
        var size = _shape.Aggregate(1L, (a, b) => a * b);
        _path.Add(x => x.flatten(1));
        _shape = [size];
    }
}
